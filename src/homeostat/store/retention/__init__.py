"""What an object store keeps, and what nobody needs any more."""
