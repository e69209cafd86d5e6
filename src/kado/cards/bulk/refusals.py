"""Every "no" that is about a bulk issue or its file, one function each."""

from kado.errors import NotFound, Refusal, TooMany


class Conflicting(Refusal):
    """It cannot be done beside something else that is going on, or has happened."""

    status = 409


def too_many_unfinished(most: int) -> TooMany:
    """More of them would only wait, and make those of other merchants wait."""
    return TooMany("too_many_bulk_issues", f"{most} bulk issues are unfinished; wait for the end of one.", 30)


def task_not_found() -> NotFound:
    """No such bulk issue in this program."""
    return NotFound("task_not_found", "There is no such bulk issue in this program.")


def file_not_found() -> NotFound:
    """The address of a file was wrong, has expired, or was used; nobody is told which."""
    return NotFound("file_not_found", "This link does not exist, has expired or was used; a new one can be asked for.")


def download_under_way() -> Refusal:
    """One at a time: each download makes new codes, and only one file can have the right ones."""
    return Conflicting("download_under_way", "The file is being downloaded right now; try again in half a minute.")


def task_not_ended(state: str) -> Refusal:
    """There is no file before all cards are issued."""
    return Conflicting("task_not_ended", f"The bulk issue is {state}; wait for its end.", members={"status": state})


def no_file() -> Refusal:
    """The codes went to the recipients; there is nothing to give out."""
    return Conflicting("no_file", "This bulk issue has no file.")


def cards_in_use() -> Refusal:
    """Codes on cards that hang in shops would be void from now on."""
    return Conflicting(
        "cards_in_use",
        "Cards of this bulk issue have been activated, so the codes of an earlier file are in use; "
        "resend the code of a single card instead.",
    )
