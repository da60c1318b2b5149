"""What the window shows, without the window: of Qt only QtCore (signals, processes, settings)."""
