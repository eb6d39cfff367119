"""From batch to raw events: judge every record, store the good ones durably, answer."""
