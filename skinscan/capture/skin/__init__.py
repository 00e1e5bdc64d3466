"""Which pixels are skin that can be measured: the mask, what covers it, and what the light has spoilt."""
