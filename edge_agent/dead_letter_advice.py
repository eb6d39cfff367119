"""What each refusal means and what a person can do about it. The codes are the receivers' own."""

from typing import NamedTuple


class Advice(NamedTuple):
    means: str
    remedy: str


_ADVICE = {
    "event_id_mismatch": Advice(
        "the core computes another identity from this record than the gateway did",
        "Update the older of gateway and core, then replay. Until then report it: no punch has this "
        "by itself",
    ),
    "unknown_zone": Advice(
        "the core's machine does not know the time zone that the site names",
        "Install tzdata on the core (apt install tzdata), then replay",
    ),
    "bad_time": Advice(
        "the time of the record cannot be placed",
        "A clock far outside of any calendar wrote it. Set the device's clock. If somebody knows when "
        "it was, write the correction at the core as an event of its own that names this one; then "
        "discard it here with that as the reason",
    ),
    "number_out_of_range": Advice(
        "a number in the record is larger than any database holds",
        "Look at the bytes: worn flash, or a driver that reads them wrongly. After an update of the "
        "core replay; if it is no punch, discard it",
    ),
    "bad_text": Advice(
        "a serial, source or user id holds a NUL, which no text of a database can",
        "Look at the bytes: worn flash, or a driver that cuts ids wrongly. After an update of the "
        "gateway's driver read the device again; if it is no punch, discard it",
    ),
    "conflicting_record": Advice(
        "the core holds another record with the same identity and keeps that one",
        "Compare both: edge-agent trace and hr-core trace with this id. If they are the same press "
        "of a finger told in two ways, discard this one; the core's stays",
    ),
    "unknown_employee": Advice(
        "the receiver knows nobody with this user id",
        "Add the person there, or the device's user id to the person, then replay",
    ),
    "ambiguous_employee": Advice(
        "the receiver knows several people with this user id",
        "Make it one person there, then replay",
    ),
    "no_direction": Advice(
        "the receiver wants to know in or out, and the terminal did not ask",
        "Set a direction for this terminal in its export (docs/exporters.md), then replay",
    ),
    "wrong_time": Advice(
        "the receiver takes no time like this",
        "docs/exporters.md names its rules; after a change there, replay",
    ),
    "undecodable_record": Advice(
        "this core does not understand the record", "Update the core, then replay"
    ),
}

_ANY = Advice(
    "the receiver refused it; its own words are above",
    "Mend the cause at the receiver, then replay; if the record is for nobody, discard it",
)


def advice_for(code: str) -> Advice:
    return _ADVICE.get(code, _ANY)
