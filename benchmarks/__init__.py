"""The figures that the README quotes, measured by one command on real services: `make bench`."""
