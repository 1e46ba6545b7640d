"""Sanctions and the audit log: decides and records; shows carries it out."""
