"""What every layer needs and no layer owns: errors, registries, content hashes, safe files."""
