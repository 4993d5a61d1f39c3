"""The bridge between search and evaluation: study files, the driver loop, the store, the cache and the workers."""
