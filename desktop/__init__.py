"""The programs: the `moulage` command, and the Qt desktop."""
