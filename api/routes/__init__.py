"""The routers, one for each subject."""
