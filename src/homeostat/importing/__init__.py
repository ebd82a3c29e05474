"""Bringing over what another tracker keeps: experiments, runs, histories, artifacts, models and the registry.

A source (`server`, `files`, `database`) tells; `service` writes what it tells on the rooms, and compares both at once.
"""
