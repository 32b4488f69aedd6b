"""What a bone age means for a child: reference tables as data, pure functions, no torch and no HTTP."""
