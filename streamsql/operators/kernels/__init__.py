"""Pure functions of columns that SQL is the wrong tool for: left folds of DOUBLE, sessions."""
