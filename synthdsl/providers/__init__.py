"""Providers: identifiers, patterns, people, addresses, joint distributions; one class each."""

from synthdsl.providers.base import PROVIDERS, Provider, ProviderParameter

__all__ = ["PROVIDERS", "Provider", "ProviderParameter"]
