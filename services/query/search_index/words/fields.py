"""The fields of the search index, and how their words are cut: one rule for documents and for queries.

It has two sorts of documents: one for each text that can be found (text_documents.py), and one for each session (session_texts.py). They have no fields
in common but LABELS and BREVITY, and files of their own, since BM25 counts all documents of an index. No text is stored. Change VERSION with every change of fields,
words or texts: a folder of another version is made anew.
"""

from functools import cache
from typing import Final

from tantivy import Filter, Index, Schema, SchemaBuilder, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from services.query.search_index.words.prepared_text import prepared
from services.query.search_index.words.text_words import LONGEST_WORD_BYTES

VERSION: Final = 5

# Numbers of a text that are read without a look at the document: two halves of its id, its kind (an index of KINDS), and its place in time.
ID_HIGH, ID_LOW, KIND, PLACE = "id_high", "id_low", "kind", "place"
# A hash of its kind and its id, by which it is taken out or left out.
ID_HASH: Final = "id_hash"
# The key of its row, stored where it is not its id.
KEY: Final = "key"
# Facts of it by a name and a value: `role:user`, `tool:bash`, `error:true`, `session:…`, `project:12`, `user:3`, `agent:…`, `model:…`, `source:…`.
# A session has the first, `project:` and `user:`.
LABELS: Final = "labels"
# Its words with their places; names' parts (effect, of useEffect); signs of code. Cut by text_words.py.
WORDS, NAME_PARTS, SIGNS = "words", "name_parts", "signs"

SESSION_ID: Final = "session_id"
# Parts of a session with words of texts: what was said, what was made, what was done, what came of it.
SPOKEN: Final = ("title", "prompts", "answers")
PARTS: Final = (*SPOKEN, "files", "commands", "errors", "results")
# Names with signs inside, as they were written: table_rows.py, my_func, v1.2.
NAMES: Final = "names"
# The beginnings of hashes, and the days on which something happened.
HASHES: Final = "hashes"
DAYS: Final = "days"
# Texts in German, by German stems.
GERMAN: Final = "german"
# A factor of the session's score, where its length in relation to others must not count.
BREVITY: Final = "brevity"


def stems_of(part: str) -> str:
    """The field with the English stems of a part's words."""
    return f"{part}_stems"


@cache
def schema() -> Schema:
    """The fields of a document."""
    builder = SchemaBuilder()
    for number in (ID_HIGH, ID_LOW, PLACE):
        builder.add_unsigned_field(number, fast=True)
    builder.add_unsigned_field(KIND, fast=True, indexed=True)
    builder.add_unsigned_field(ID_HASH, indexed=True)
    builder.add_text_field(KEY, stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(LABELS, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(WORDS, tokenizer_name="cut", index_option="position")
    for field in (NAME_PARTS, SIGNS):
        builder.add_text_field(field, tokenizer_name="given", index_option="basic")
    builder.add_text_field(SESSION_ID, stored=True, tokenizer_name="raw", index_option="basic")
    for part in PARTS:
        builder.add_text_field(part, tokenizer_name="words", index_option="position" if part in SPOKEN else "freq")
    for part in SPOKEN:
        builder.add_text_field(stems_of(part), tokenizer_name="english", index_option="freq")
    builder.add_text_field(GERMAN, tokenizer_name="german", index_option="freq")
    builder.add_text_field(NAMES, tokenizer_name="names", index_option="freq")
    for field in (HASHES, DAYS):
        builder.add_text_field(field, tokenizer_name="given", index_option="freq")
    return builder.add_float_field(BREVITY, fast=True).build()


def open_index(path: str | None) -> Index:
    """The index of a folder, which is made unless it is there; without a folder one in memory. ValueError if the folder has something else."""
    index = Index(schema(), path)
    for name, analyzer in _analyzers().items():
        index.register_tokenizer(name, analyzer)
    return index


def words_of(text: str) -> list[str]:
    """The words of a text, as they are in the index."""
    return _analyzers()["words"].analyze(prepared(text))


def names_of(text: str) -> list[str]:
    """The names of a text that have signs inside."""
    return _analyzers()["names"].analyze(text)


def stem_of(word: str, language: str = "english") -> str:
    """The stem of a word of the index."""
    return next(iter(_analyzers()[language].analyze(word)), word)


@cache
def _analyzers() -> dict[str, TextAnalyzer]:
    return {
        # In one case and without accents. An identifier is cut at its signs.
        "words": _words().build(),
        "english": _words().filter(Filter.stemmer("english")).build(),
        "german": _words().filter(Filter.stemmer("german")).build(),
        "names": _folded(Tokenizer.regex(r"[\p{L}\p{N}]+(?:[._\-][\p{L}\p{N}]+)+")).build(),
        # Takes a text that text_words.py prepared.
        "cut": TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.remove_long(LONGEST_WORD_BYTES)).filter(Filter.lowercase()).build(),
        "given": TextAnalyzerBuilder(Tokenizer.whitespace()).build(),
    }


def _words() -> TextAnalyzerBuilder:
    # Half the time of a regular expression.
    return _folded(Tokenizer.simple())


def _folded(tokenizer: Tokenizer) -> TextAnalyzerBuilder:
    return (
        TextAnalyzerBuilder(tokenizer).filter(Filter.remove_long(LONGEST_WORD_BYTES)).filter(Filter.lowercase()).filter(Filter.ascii_fold())
    )
