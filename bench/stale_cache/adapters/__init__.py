"""One script a tool: it calls the project in the current directory as that tool's cached task, in its own process."""
