"""What stands in for the services that we call, on real sockets."""
