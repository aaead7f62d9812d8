"""A second opinion on the suite: reads its databases in plain SQL and imports none of its code."""
