"""Tools around graphs whose interfaces may change."""
