"""What the auditor compares of each saga, and the trail of alarms and of operators' actions."""
