"""The window: `model` knows what is open and what can be done, `views` show it, `actions` names and binds it."""
