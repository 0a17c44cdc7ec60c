"""What lies on this machine's disk: folders, archives, lists, ready-made datasets."""
