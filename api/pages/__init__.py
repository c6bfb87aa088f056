"""The pages: server-rendered, their whole state in the address."""
