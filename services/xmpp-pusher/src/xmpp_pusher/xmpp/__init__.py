"""ejabberd: the stream, the rooms on it, and how a batch is written for them."""
