"""The other side of the wire, for trying and testing without Meta. It speaks HTTP and imports none of ours."""
