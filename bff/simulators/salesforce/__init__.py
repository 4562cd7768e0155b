"""Salesforce's Models API and its token endpoint, simulated."""
