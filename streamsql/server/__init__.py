"""HTTP: where the engines of a service ask each other."""
