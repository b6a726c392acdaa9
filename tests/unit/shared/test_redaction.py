"""Redaction of secrets in texts: what is replaced, what stays, and that it takes linear time."""

import re

import pytest

from shared.redaction.redact import redact_text

LONG = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6"


@pytest.mark.parametrize(
    ("text", "kept", "kind"),
    [
        (f"use sk-ant-api03-{LONG} here", "use {} here", "anthropic_key"),
        (f"git clone https://ghp_{LONG}@github.com/a/b", "git clone https://{}@github.com/a/b", "github_token"),
        ("postgres://ann:p4ss@db/app", "postgres://ann:{}@db/app", "credential"),
        ("curl -H 'Authorization: Bearer 1a2b3c4d5e6f7g8h' x", "curl -H 'Authorization: Bearer {}' x", "credential"),
        ("export DB_PASSWORD=letmein\n", "export DB_PASSWORD={}\n", "credential"),
        ('{"client_secret": "a1b2c3d4"}', '{{"client_secret": "{}"}}', "credential"),
        (r"{\"client_secret\": \"a1b2c3d4\"}", r"{{\"client_secret\": \"{}\"}}", "credential"),
        ("secret=пароль123 x", "secret={} x", "credential"),
        (f"-----BEGIN RSA PRIVATE KEY-----\n{LONG}\n{LONG}\nabc=\n-----END RSA PRIVATE KEY-----\nend", "{}\nend", "private_key"),
    ],
)
def test_only_the_secret_is_replaced(text: str, kept: str, kind: str) -> None:
    counts: dict[str, int] = {}
    redacted = redact_text(text, counts)
    before, _, after = kept.replace("{{", "{").replace("}}", "}").partition("{}")
    assert redacted.startswith(f"{before}[redacted:{kind}:")
    assert redacted.endswith(f"]{after}")
    assert counts == {kind: 1}
    assert redact_text(redacted) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "token = get_token()", "password: str", "password = os.environ['PASSWORD']", "API_KEY=${API_KEY}", "max_tokens=4096", '"input_tokens": 123456',
        "password = form.password", "if password == other:", "secret: <your secret>", "docker run -u 1000:1000 image", "the token: string", "",
        "task-0123456789abcdef0123456789abcdef",
    ],
)  # fmt: skip
def test_text_without_secrets_is_unchanged(text: str) -> None:
    assert redact_text(text) == text


def test_the_same_secret_gets_the_same_replacement() -> None:
    words = {
        redact_text(text)[-1 - len("[redacted:credential:12345678]") :].strip("= '")
        for text in ("password=hunter22", "db_password = hunter22")
    }
    assert len(words) == 1


@pytest.mark.parametrize("before", ["ghp_", "sk-", "eyJ", "AKIA ", "SK", "xoxe.", "-----BEGIN "])
def test_a_token_prefix_before_a_token_does_not_hide_it(before: str) -> None:
    assert LONG not in redact_text(f"{before}ghs_{LONG}")


def test_two_adjacent_secrets_are_both_replaced() -> None:
    redacted = redact_text(f"AKIA6PNKLUQKOAQJIZFGghp_{LONG}")
    assert redacted.startswith("[redacted:aws_key_id:")
    assert redact_text(redacted) == redacted


def tokens(number_of_them: int) -> list[str]:
    return [f"ghp_{number:018x}{number * 7919:018x}" for number in range(1, number_of_them + 1)]


def test_thousands_of_secrets_are_replaced_one_by_one() -> None:
    passwords = "".join(f"x = {number}\nDB_PASSWORD=hunter{number}\n" for number in range(3_000))
    counts: dict[str, int] = {}

    redacted = redact_text(passwords, counts)

    assert re.findall(r"x = (\d+)\nDB_PASSWORD=\[redacted:credential:[0-9a-f]{8}\]\n", redacted) == [str(number) for number in range(3_000)]
    assert counts == {"credential": 3_000}


def test_a_text_with_too_many_secrets_is_replaced_from_there_on() -> None:
    # Given more secrets than a text is looked through for
    text = "\n".join(tokens(20_000))
    counts: dict[str, int] = {}

    once = redact_text(text, counts)

    # Then the first ones are words, and all the rest is one word
    assert counts == {"github_token": 8_000, "too_many": 1}
    assert re.fullmatch(r"(\[redacted:github_token:[0-9a-f]{8}\]\n){8000}\[redacted:too_many:[0-9a-f]{8}\]", once)
    assert redact_text(once) == once


def test_everything_after_too_many_secrets_is_replaced() -> None:
    text = "".join(f"password: word{number:06}z1 " for number in range(20_000)) + "sk-ant-api03-" + LONG + " the end"
    redacted = redact_text(text)
    assert redacted.endswith("]")
    assert LONG not in redacted
    assert "z1" not in redacted


def test_repeated_placeholders_do_not_count_as_secrets() -> None:
    text = '{"user": "ann", "password": "********"}\n' * 15_000
    assert redact_text(text) == text


def test_a_secret_revealed_by_replacing_its_neighbour_is_replaced() -> None:
    # Given a password before a colon that is itself a name and a value
    text = "://x password=Gr8-secret-99:y@tok@t"

    once = redact_text(text)

    assert "Gr8-secret-99" not in once
    assert redact_text(once) == once


def test_a_token_ended_only_by_its_neighbour_is_replaced() -> None:
    # Given a key of a fixed length, which alone would go on into the next
    once = redact_text('to:"AKIAA00000AKIAKIA000sk-ant-api00000AKIA0000K0IA00IA000')

    assert "AKIA" not in once
    assert redact_text(once) == once
