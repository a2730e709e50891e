"""What both engines share: the order of simultaneous events."""

AGENTS_LEAVE = 1
AGENTS_COME = 2
TYPE_CLOSES = 3
WORK_ENDS = 4
BOT_CHANGES = 5
BOT_ENDS = 6
CONTACT_ENTERS = 7
DELAY_ENDS = 8
PATIENCE_ENDS = 9
