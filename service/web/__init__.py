"""HTTP: what surrounds a request, how it is read, and every route."""
