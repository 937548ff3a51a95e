"""The same job, the same service and the same fault for Tambour and for a peer from its package."""
