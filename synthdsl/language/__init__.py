"""Text to tree: lexer, grammar, parser, advice on mistakes, formatter."""
