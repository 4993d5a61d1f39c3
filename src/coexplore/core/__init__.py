"""What every layer needs and no layer owns: errors, registries, content hashes, safe files."""

import time

IMPORTED_S = time.time()
"""When this process began to import the package: a source file changed after it may not be what runs."""
