"""Which packet belongs to which request."""

from protocols.zk.exchange import Request
from protocols.zk.framing import Packet, encode_packet
from protocols.zk.session import Answer, Event, Session, Stale


def connected(reply: int = 2000) -> Session:
    session = Session()
    session.outgoing(Request(1000))
    session.incoming(Packet(command=reply, session=0x45CF, reply_id=0))
    return session


def test_connect_goes_out_as_real_hosts_send_it():
    assert encode_packet(Session().outgoing(Request(1000))).hex() == "e80317fc00000000"


def test_the_session_comes_from_the_reply_also_from_a_refusal():
    session = connected(reply=2005)
    packet = session.outgoing(Request(1102, bytes.fromhex("614d323c")))
    assert encode_packet(packet).hex() == "4e044e2ccf450100614d323c"


def test_reply_ids_wrap_before_ffff():
    session = connected()
    ids = [session.outgoing(Request(50)).reply_id for _ in range(0xFFFF + 2)]
    assert ids[:2] == [1, 2]
    assert 0xFFFF not in ids
    assert ids[0xFFFE - 1 :][:3] == [0xFFFE, 0, 1]


def test_a_late_reply_is_stale_and_does_not_disturb():
    session = connected()
    session.outgoing(Request(13))
    exit_request = session.outgoing(Request(1001))
    late = Packet(command=2000, session=0x7C, reply_id=exit_request.reply_id - 1)
    assert session.incoming(late) == Stale(late)
    answer = Packet(command=2000, session=0x45CF, reply_id=exit_request.reply_id)
    assert session.incoming(answer) == Answer(answer)


def test_bulk_data_keeps_the_session_although_its_field_holds_an_index():
    session = connected()
    request = session.outgoing(Request(1504))
    data = Packet(command=1501, session=3, reply_id=request.reply_id)
    assert session.incoming(data) == Answer(data)
    assert session.session_id == 0x45CF


def test_an_event_in_mid_download_is_acknowledged_with_reply_id_zero():
    session = connected()
    session.outgoing(Request(1504))
    event = Packet(command=500, session=1, reply_id=0, data=b"x")
    assert session.incoming(event) == Event(event)
    assert session.event_ack() == Packet(command=2000, session=0x45CF, reply_id=0)


def test_connecting_again_starts_over():
    session = connected()
    session.outgoing(Request(50))
    assert session.outgoing(Request(1000)) == Packet(command=1000, session=0, reply_id=0)
