"""What is wrong with the parts of the full model: one message each that names the line, the rule and the fix."""

from pathlib import Path

import pytest

from sim.scenario_file import ScenarioErrors, load_text

BROKEN = Path(__file__).parent / "broken"

MESSAGES = {
    "slots_of_a_channel": (
        "channels: {phone: {slots: some}}",
        (
            '2: channels.phone.slots is "some": a contact takes all slots of its agent or a whole number '
            "of them: write all, or for example 1"
        ),
    ),
    "zero_slots": (
        "channels: {phone: {slots: 0}}",
        (
            "2: channels.phone.slots is 0: a contact takes all slots of its agent or a whole number of "
            "them: write all, or for example 1"
        ),
    ),
    "no_lines": (
        "channels: {phone: {lines: 0}}",
        "2: channels.phone.lines is 0: must be at least 1: write 1 or more",
    ),
    "deferred_disconnects": (
        "channels: {mail: {deferred: true, at_closing: disconnect}}",
        "2: channels.mail: no deferred work is cut off at closing, it stays until it is done: write keep",
    ),
    "live_keeps": (
        "channels: {phone: {at_closing: keep}}",
        "2: channels.phone.at_closing: keep is for deferred work: write serve or disconnect",
    ),
    "deferred_with_lines": (
        "channels: {mail: {deferred: true, lines: 3}}",
        "2: channels.mail: no deferred work needs a line or a waiting place: take lines and waiting_places away",
    ),
    "deferred_with_patience": (
        (
            "channels: {phone: {deferred: true}}\ncontact_types: {orders: {patience: {family: exponential, "
            "mean: 3 min}}}"
        ),
        "3: contact_types.orders.patience: deferred work waits until it is done: take patience away",
    ),
    "live_interruptible": (
        "contact_types: {orders: {interruptible: true}}",
        (
            "2: contact_types.orders.interruptible is true: interruptible is for deferred work: give the "
            "channel phone deferred: true"
        ),
    ),
    "live_due": (
        "contact_types: {orders: {due: {within: 8 h}}}",
        "2: contact_types.orders.due: due is for deferred work: give the channel phone deferred: true",
    ),
    "due_clock": (
        (
            "channels: {mail: {deferred: true}}\ncontact_types: {mails: {channel: mail, talk: {family: "
            "exponential, mean: 3 min}, due: {within: 8 h, clock: office}}}\nagent_groups: {service: "
            "{skills: [orders, returns, mails]}}"
        ),
        '3: contact_types.mails.due.clock is "office": must be one of opening, wall',
    ),
    "silent_forever": (
        "contact_types: {returns: {silent: {detection: 20 s}}}",
        "2: contact_types.returns.silent is for those who lose patience: give patience, or take silent away",
    ),
    "message_forever": (
        "contact_types: {returns: {messages: [{after: 1 min, leave: 10 %}]}}",
        (
            "2: contact_types.returns.messages: must find somebody who loses patience: give patience, or "
            "take messages away"
        ),
    ),
    "mixed_steps": (
        "contact_types: {orders: {balking: [{wait: 1 min, share: 10 %}, {queue: 5, share: 20 %}]}}",
        (
            "2: contact_types.orders: a queue is foretold by announcement: queue_length, and then no wait "
            "is: give all steps as queue, or all as wait"
        ),
    ),
    "empty_step": (
        "contact_types: {orders: {balking: [{share: 10 %}]}}",
        "2: contact_types.orders.balking.0: a step of balking needs either wait or queue: give one",
    ),
    "told_queue_in_seconds": (
        "contact_types: {orders: {announcement: queue_length, balking: [{wait: 1 min, share: 10 %}]}}",
        "2: contact_types.orders.announcement: queue_length tells no wait: give queue in place of wait",
    ),
    "unknown_predictor": (
        "contact_types: {orders: {announcement: guess}}",
        (
            '2: contact_types.orders.announcement is "guess": must be one of head_of_line, last_to_enter, '
            "model, queue_length"
        ),
    ),
    "call_back_without_promise": (
        "contact_types: {orders: {call_back: {accepted: 30 %}}}",
        '2: contact_types.orders.call_back.promise is missing: write for example promise: "5 min"',
    ),
    "follow_up_to_nobody": (
        "contact_types: {orders: {follow_ups: {redial: {on: abandoned, to: order}}}}",
        "2: contact_types.orders.follow_ups.redial.to: there is no contact type 'order': did you mean 'orders'?",
    ),
    "follow_up_on_nothing": (
        "contact_types: {orders: {follow_ups: {redial: {on: abandonned}}}}",
        (
            '2: contact_types.orders.follow_ups.redial.on is "abandonned": must be one of closed, '
            "resolved_in_bot, contained_unresolved, gave_up_in_bot, blocked, balked, answered, abandoned, "
            "silent, called_back, callback_unanswered, withdrawn, unserved, unresolved, waiting: did you "
            "mean 'abandoned'?"
        ),
    ),
    "waiting_without_after": (
        "contact_types: {orders: {follow_ups: {elsewhere: {on: waiting}}}}",
        (
            "2: contact_types.orders.follow_ups.elsewhere: after is the wait at which a contact asks "
            "elsewhere, and belongs to on: waiting: give both, or take after away"
        ),
    ),
    "siblings_of_the_dead": (
        "contact_types: {orders: {follow_ups: {redial: {on: abandoned, siblings: shared}}}}",
        (
            '2: contact_types.orders.follow_ups.redial.siblings is "shared": must be copies of one who '
            "still waits: give on: waiting, or take siblings away"
        ),
    ),
    "duplicate_shared": (
        "contact_types: {orders: {follow_ups: {e: {on: waiting, after: 1 min, siblings: shared, duplicate: 30 s}}}}",
        (
            "2: contact_types.orders.follow_ups.e.duplicate is work on separate siblings: give siblings: "
            "separate, or take it away"
        ),
    ),
    "bad_rule_name": (
        "contact_types: {orders: {follow_ups: {2nd try: {on: abandoned}}}}",
        (
            "2: contact_types.orders.follow_ups.2nd try: a name starts with a letter and has letters, "
            "digits, _ and - only"
        ),
    ),
    "pace_rises": (
        "agent_groups: {service: {slots: 3, pace: [1, 0.7, 0.8]}}",
        (
            "2: agent_groups.service.pace: must not rise: give each contact at most the speed that it had "
            "with fewer in hand"
        ),
    ),
    "pace_starts_low": (
        "agent_groups: {service: {slots: 2, pace: [0.9, 0.7]}}",
        (
            "2: agent_groups.service.pace: must begin with 1: it is the share of full speed with 1, 2, … "
            "contacts in hand"
        ),
    ),
    "pace_too_long": (
        "agent_groups: {service: {slots: 2, pace: [1, 0.9, 0.8]}}",
        "2: agent_groups.service.pace: must have at most 2 value(s), one for each slot: give fewer",
    ),
    "pace_too_fast": (
        "agent_groups: {service: {slots: 2, pace: [1, 1.2]}}",
        '2: agent_groups.service.pace.1 is 1.2: a probability lies in [0, 1]: write for example 0.35 or "35 %"',
    ),
    "curve_without_unit": (
        "agent_groups: {service: {tenure: {served: {family: exponential, mean: 90 d}, speed: {'30': 80 %}}}}",
        (
            '2: agent_groups.service.tenure: a duration is a number with a unit: write for example "90 s", '
            '"5 min" or "1.5 h"'
        ),
    ),
    "resolution_above_one": (
        "agent_groups: {service: {tenure: {served: {family: exponential, mean: 90 d}, resolution: {30 d: 1.2}}}}",
        "2: agent_groups.service.tenure.resolution is a share of that of experienced agents: give at most 100 %",
    ),
    "absence_above_one": (
        "agent_groups: {service: {attendance: {planned: 8}}}",
        '2: agent_groups.service.attendance.planned is 8: a probability lies in [0, 1]: write "8 %"',
    ),
    "unknown_breaks": (
        "agent_groups: {service: {attendance: {breaks: keep}}}",
        (
            '2: agent_groups.service.attendance.breaks is "keep": must be one of keep_end, keep_length: '
            "did you mean 'keep_end'?"
        ),
    ),
    "late_without_by": (
        "agent_groups: {service: {attendance: {late: {share: 5 %}}}}",
        (
            "2: agent_groups.service.attendance.late.by is missing: write for example by: {family: "
            "exponential, mean: 5 min}"
        ),
    ),
    "bot_two_lengths": (
        "contact_types: {orders: {bot: {turns: 4, turn: {family: exponential, mean: 10 s}}}}",
        "2: contact_types.orders.bot: a bot's session needs either duration or turns: give one",
    ),
    "bot_no_turn": (
        "contact_types: {orders: {bot: {recognition: 80 %}}}",
        '2: contact_types.orders.bot: turn is missing: write for example {family: exponential, mean: "10 s"}',
    ),
    "bot_no_length": (
        "contact_types: {orders: {bot: {duration: null}}}",
        "2: contact_types.orders.bot: a bot's session needs either duration or turns: give one",
    ),
    "triggers_above_one": (
        "contact_types: {orders: {bot: {triggers: {anger: {share: 60 %}, fear: {share: 50 %}}}}}",
        "2: contact_types.orders.bot.triggers: must not strike more than all: give smaller shares",
    ),
    "outage_without_date": (
        "bots: {voice: {outages: [{start: '09:00', length: 1 h}]}}",
        '2: bots.voice.outages.0.start is 09:00: a start has a date and a time: write "2026-11-10 20:00"',
    ),
    "outage_never_was": (
        "horizon: {start: '2026-03-29 00:00'}\nbots: {voice: {outages: [{start: '2026-03-29 02:30', length: 1 h}]}}",
        "3: bots.voice.outages.0.start: 2026-03-29 02:30 does not exist in Europe/Berlin (clock change)",
    ),
    "half_a_session": (
        "bots: {voice: {capacity: {'08:00': 2.5}}}",
        "2: bots.voice.capacity.08:00 is 2.5: must be a whole number: write for example 3",
    ),
    "capacity_label": (
        "bots: {voice: {capacity: {'8 am': 2}}}",
        '2: bots.voice.capacity.8 am is 2: \'8 am\' is no label: write "HH:MM" or "YYYY-MM-DD HH:MM"',
    ),
    "backlog_of_nobody": (
        "backlog: {order: {number: 3, age: {family: exponential, mean: 1 h}}}",
        "2: backlog.order: there is no contact type 'order': did you mean 'orders'?",
    ),
    "backlog_without_age": (
        "backlog: {orders: {number: 3}}",
        "2: backlog.orders: a backlog has either number and age, or ages: give one of these forms",
    ),
    "backlog_negative": (
        "backlog: {orders: {number: -3, age: {family: exponential, mean: 1 h}}}",
        "2: backlog.orders.number is -3: must not be negative: write 0 or more",
    ),
    "correlation_shared": (
        "busyness: {cv: 10 %, correlation: -30 %}",
        (
            "2: busyness.correlation is -30 %: must lie in [0, 1] where all pairs share it: give a table of pairs for "
            "types that go against each other"
        ),
    ),
    "correlation_too_strong": (
        "busyness: {correlation: {orders: {returns: 1.2}}}",
        "2: busyness.correlation.orders.returns is 1.2: must be at most 1: write 1 or less",
    ),
    "correlation_impossible": (
        "busyness: {correlation: {orders: {returns: -0.8, chats: -0.8}, returns: {chats: -0.8}}}\n"
        "contact_types: {chats: {channel: phone, talk: {family: exponential, mean: 5 min}}}\n"
        "agent_groups: {service: {skills: [orders, returns, chats]}}",
        (
            "2: busyness.correlation: cannot be so in all pairs at once (orders, returns, chats; least eigenvalue "
            "-0.6): give weaker ones, or more pairs"
        ),
    ),
    "correlation_twice": (
        "busyness: {correlation: {orders: {returns: 0.2}, returns: {orders: 0.3}}}",
        "2: busyness.correlation is given twice for orders and returns: give it once",
    ),
    "correlation_with_itself": (
        "busyness: {correlation: {orders: {orders: 0.2}}}",
        "2: busyness.correlation is 1 for orders with itself: give pairs of two types",
    ),
    "correlation_in_words": (
        "busyness: {correlation: high}",
        (
            '2: busyness.correlation is "high": a correlation is a number or a percentage: write for example 0.6 or '
            '"60 %"'
        ),
    ),
    "correlation_unknown_type": (
        "busyness: {correlation: {orders: {retuns: 0.2}}}",
        "2: busyness.correlation.orders.retuns is 0.2: there is no contact type 'retuns': did you mean 'returns'?",
    ),
    "busy_unknown_type": (
        "busyness: {by_type: {order: 20 %}}",
        "2: busyness.by_type.order is 20 %: there is no contact type 'order': did you mean 'orders'?",
    ),
    "intervals_alternate": (
        "busyness: {intervals: {cv: 10 %, correlation: -1}}",
        "2: busyness.intervals.correlation: must be above -1: write more than -1",
    ),
    "policy_needs": (
        "routing: overflow",
        "2: routing: the policy overflow needs after: give it",
    ),
    "policy_takes_not": (
        "routing: {policy: priority, after: 30 s}",
        "2: routing.after is no parameter of priority: give another policy, or take it away",
    ),
    "policy_unknown_type": (
        "routing: {policy: weighted_wait, weights: {order: 2}}",
        "2: routing.weights.order is 2: there is no contact type 'order': did you mean 'orders'?",
    ),
    "policy_unknown_group": (
        "routing: {policy: ranks, group_ranks: {orders: {servce: 1}}}",
        "2: routing.group_ranks.orders.servce is 1: there is no agent group 'servce': did you mean 'service'?",
    ),
    "policy_weights_zero": (
        "routing: {policy: queue_ratio, ratios: {orders: 0}}",
        "2: routing.ratios: must have a value above 0: give each type its part of all who wait",
    ),
    "policy_agents": (
        "routing: {policy: fcfs, agents: random}",
        '2: routing.agents is "random": must be one of longest_idle, least_busy, fastest, uniform',
    ),
    "by_time_label": (
        "contact_types: {orders: {talk: {by_time: {noon: {family: exponential, mean: 3 min}}}}}",
        '2: contact_types.orders.talk.by_time.noon: \'noon\' is no label: write "HH:MM" or "YYYY-MM-DD HH:MM"',
    ),
    "by_time_family": (
        "contact_types: {orders: {talk: {by_time: {'08:00': {family: exponetial, mean: 3 min}}}}}",
        (
            "2: contact_types.orders.talk.by_time.08:00.family: there is no family 'exponetial': did you "
            "mean 'exponential'?"
        ),
    ),
    "by_time_empty": (
        "contact_types: {orders: {talk: {by_time: {}}}}",
        "2: contact_types.orders.talk.by_time is empty: give at least one",
    ),
    "by_time_missing": (
        "contact_types: {orders: {talk: {by_time: {'08:00': {family: exponential}}}}}",
        '2: contact_types.orders.talk.by_time.08:00.mean is missing: write for example mean: "5 min"',
    ),
}
"""By name: what is laid over broken/desk.yaml, and what is said of it after the file's name."""


@pytest.mark.parametrize("name", MESSAGES)
def test_a_wrong_part_gives_one_clear_message(name: str) -> None:
    text, message = MESSAGES[name]
    with pytest.raises(ScenarioErrors) as refused:
        load_text(f"extends: desk.yaml\n{text}\n", name="wrong.yaml", folder=BROKEN)
    assert str(refused.value) == f"wrong.yaml:{message}"
    assert len(refused.value.problems) == 1
