"""The suite itself: what is installed, started, asked of the clients, and expected of the router."""
