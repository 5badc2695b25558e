"""Labels out: messages, journal, publisher and the client library."""
