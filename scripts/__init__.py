"""What the Makefile runs: environments and local servers. Standard library only; no part of the wheel."""
