"""The store on a Redis or Valkey server, for any number of Headway servers at the same time."""
