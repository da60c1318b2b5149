"""The widgets. They show the session's state and call verbs; none of them keeps a state of its own."""
