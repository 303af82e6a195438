"""What a policy says: decisions and causes, judges, and whether the words move the wheels."""
