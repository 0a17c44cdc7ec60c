"""The comparisons are programs; tests of them are in test_*.py."""

collect_ignore_glob = ["[!tc]*.py"]
