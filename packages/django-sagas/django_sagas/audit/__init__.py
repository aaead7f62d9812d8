"""The auditor: compares ended sagas with their own log and with what their steps' owners show."""
