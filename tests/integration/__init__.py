"""Aviso across its services: real servers, a real browser, nothing mocked."""
