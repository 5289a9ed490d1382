"""How a model is asked: the words of the behaviour, then the input, then the sign that it is its turn.

    asked("Triage this call.", "Caller: …")  ->  "Triage this call.\\n\\nCaller: …\\n\\nAnswer:\\n"

A model with a chat template of its own is asked through that template instead; see `probatum.training.language_model`.
"""

TURN = "\n\nAnswer:\n"


def asked(words: str, text: str) -> str:
    return f"{words}\n\n{text}{TURN}"
