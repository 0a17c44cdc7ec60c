"""Image bytes: decoded once, fingerprinted, sized."""
