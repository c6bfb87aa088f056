"""Full lists of registries: read, compared with the source's facts, published as events (README.md beside this)."""
