"""Tables of full runs: customers, follow-ups, first responses, promises, deferred work, satisfaction, bots."""

from sim.report.records import Records
from sim.report.tables import Table, by_kind

BY_TYPE: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "Customers",
        ("customers", "watched_customers", "fcr", "fcr_served", "contacts_per_customer", "settled_in_window",
         "time_to_resolution", "unserved_customers"),
        "By the type of the first contact. First-contact resolution (FCR) and what follows are of watched customers: "
        "those who arrived at least one window before the end.",
    ),
    (
        "Follow-ups and other endings",
        ("follow_ups", "redials", "repeats", "transfers", "asked_elsewhere", "closed", "blocked", "balked", "silent",
         "called_back", "callback_unanswered", "withdrawn", "unserved", "after_horizon", "carried_in"),
        "Follow-ups by the type that they came to. The silent are among the abandoned.",
    ),
    (
        "First response and handling",
        ("first_response", "first_response_open", "aht", "aht_work"),
        "From arrival to the first word of a person, by the clock and in opening hours. AHT as elapsed, with all that "
        "an agent has in hand beside it; and the work at full speed.",
    ),
    (
        "Promises",
        ("prediction_error", "prediction_rmse", "callbacks_offered", "callback_acceptance", "callback_kept",
         "callback_answered"),
        "What was foretold less what was waited, of those answered; call-backs accepted, rung by the promised time, "
        "answered.",
    ),
    (
        "Deferred work",
        ("backlog", "backlog_hours", "backlog_age", "overdue_share", "late_share"),
        "Open at the end of an interval, mean over intervals; late: not done when due.",
    ),
    (
        "What the bot saves",
        ("bot_work_saved", "bot_work_saved_naive", "bot_work_saved_share", "containment_kept"),
        "Work that contained contacts would have taken of people, less that of follow-ups to them; naively, each is "
        "worth what people's contacts take. Kept: not back within the window.",
    ),
    ("Satisfaction", ("satisfaction", "complaints"), "Mean score from 1 to 5, by the scenario's rule."),
)  # fmt: skip


def full_tables(records: Records) -> list[Table]:
    """Those of these tables that there are figures for, by contact type."""
    found = []
    for title, measures, note in BY_TYPE:
        shown = tuple(measure for measure in measures if _says_something(records, measure))
        if shown:
            table = by_kind(title, records, "type", shown)
            rows = tuple(row for row in table.rows if row[0] == "all" or set(row[1:]) - {"–", "0", "0.0 %"})
            found.append(table._replace(rows=rows, note=note))
    return found


def _says_something(records: Records, measure: str) -> bool:
    """Whether it is there and not nought throughout."""
    if measure == "watched_customers":
        return records.get(measure) is not None
    return any(records.mean(measure, type=name) for name in records.names("type"))


__all__ = ["full_tables"]
