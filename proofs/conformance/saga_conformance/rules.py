"""The rules, one function each; its name is the sentence that the report shows for it."""

from collections.abc import Callable, Sequence
from functools import partial

from saga_conformance.participant import NotTried, Participant, Reply, at_once

Rule = Callable[[Participant], None]
RULES: list[Rule] = []


class Broken(Exception):
    """A rule does not hold; `seen` are the replies that show it."""

    def __init__(self, expected: str, *seen: Reply) -> None:
        super().__init__(expected)
        self.expected, self.seen = expected, seen


def rule(function: Rule) -> Rule:
    RULES.append(function)
    return function


def name_of(function: Rule) -> str:
    return function.__name__.replace("_", " ")


def expect(holds: object, expected: str, *seen: Reply) -> None:
    if not holds:
        raise Broken(expected, *seen)


def same_body(replies: Sequence[Reply], expected: str) -> None:
    for reply in replies[1:]:
        expect(reply.raw == replies[0].raw, expected, replies[0], reply)


def problem(reply: Reply, status: int, code: str = "") -> None:
    """An error as RFC 9457 has it, with a code of its own."""
    expect(reply.status == status, f"status {status}", reply)
    kind = reply.headers.get("Content-Type", "").partition(";")[0]
    expect(kind == "application/problem+json", f"application/problem+json, not {kind}", reply)
    expect(reply.body.get("code"), "a code in the problem", reply)
    expect(not code or reply.body["code"] == code, f"the code {code}", reply)


def done(reply: Reply, cid: str) -> Reply:
    expect(reply.is_done, "200 with success true", reply)
    expect(reply.body.get("correlation_id") == cid, "the correlation id of the call in the answer", reply)
    return reply


def refused(participant: Participant, cid: str) -> Reply:
    """A first refusal. Raises NotTried where no refused body was given."""
    if participant.refused_body is None:
        raise NotTried("needs --refused-body")
    reply = participant.act(cid, participant.refused_body)
    expect(reply.is_refused, "200 with success false", reply)
    expect(reply.body.get("error"), "a sentence in `error`", reply)
    declared = participant.refusals
    expect(reply.body.get("error_code") in declared, f"an error_code of {', '.join(declared)}", reply)
    return reply


@rule
def a_repeat_gets_the_first_answer_word_for_word(participant: Participant) -> None:
    cid = participant.new_id()
    first = done(participant.act(cid), cid)
    repeats = [participant.act(cid) for _ in range(3)]
    same_body([first, *repeats], "the first answer again, byte for byte")
    for repeat in repeats:
        expect(repeat.headers.get("Idempotent-Replayed") == "true", "Idempotent-Replayed: true", repeat)


@rule
def the_answer_says_what_was_expected(participant: Participant) -> None:
    if not participant.expected:
        raise NotTried("needs --expect")
    cid = participant.new_id()
    reply = done(participant.act(cid), cid)
    for name, value in participant.expected.items():
        expect(reply.body.get(name) == value, f"{name} to be {value!r}", reply)


@rule
def a_restart_forgets_nothing(participant: Participant) -> None:
    if not participant.restart:
        raise NotTried("needs --restart")
    kept, undone = participant.new_id(), participant.new_id()
    first = done(participant.act(kept), kept)
    tombstone = done(participant.undo(undone), undone) if participant.compensation else None
    participant.restarted()
    same_body([first, participant.act(kept)], "the first answer, after a restart too")
    if tombstone is None:
        return
    problem(participant.act(undone), 409, "ALREADY_COMPENSATED")
    same_body([tombstone, participant.undo(undone)], "the compensation's first answer, after a restart too")


@rule
def many_at_once_get_one_answer(participant: Participant) -> None:
    cid = participant.new_id()
    replies = at_once(*[partial(participant.act, cid)] * participant.crowd)
    for reply in replies:
        done(reply, cid)
    same_body(replies, "one answer for all")
    first = [reply for reply in replies if reply.headers.get("Idempotent-Replayed") != "true"]
    expect(len(first) == 1, f"one first answer, not {len(first)}", *first)


@rule
def unknown_fields_and_the_step_number_make_no_other_request(participant: Participant) -> None:
    cid = participant.new_id()
    first = done(participant.act(cid), cid)
    other = participant.act(cid, step_number=7, nobody_knows_this={"at": ["all"]})
    same_body([first, other], "the stored answer: what is not used is outside the comparison")


@rule
def another_request_under_the_same_id_is_422(participant: Participant) -> None:
    if participant.other_body is None:
        raise NotTried("needs --other-body")
    cid = participant.new_id()
    first = done(participant.act(cid), cid)
    problem(participant.act(cid, participant.other_body), 422)
    same_body([first, participant.act(cid)], "the first answer, as if nothing had happened")


@rule
def a_compensation_undoes_and_its_repeat_gets_the_same_answer(participant: Participant) -> None:
    cid = participant.new_id()
    done(participant.act(cid), cid)
    first = done(participant.undo(cid), cid)
    same_body([first, participant.undo(cid), participant.undo(cid)], "the compensation's first answer again")


@rule
def many_compensations_at_once_undo_once(participant: Participant) -> None:
    cid = participant.new_id()
    done(participant.act(cid), cid)
    replies = at_once(*[partial(participant.undo, cid)] * participant.crowd)
    for reply in replies:
        done(reply, cid)
    same_body(replies, "one answer for all")


@rule
def an_action_after_its_compensation_is_409(participant: Participant) -> None:
    cid = participant.new_id()
    done(participant.act(cid), cid)
    done(participant.undo(cid), cid)
    problem(participant.act(cid), 409, "ALREADY_COMPENSATED")


@rule
def a_compensation_of_what_never_came_succeeds_and_is_a_tombstone(participant: Participant) -> None:
    cid = participant.new_id()
    first = done(participant.undo(cid), cid)
    expect(first.body.get("message"), "a message that there was nothing to undo", first)
    problem(participant.act(cid), 409, "ALREADY_COMPENSATED")
    same_body([first, participant.undo(cid)], "the compensation's first answer again")


@rule
def a_refusal_is_sticky(participant: Participant) -> None:
    cid = participant.new_id()
    first = refused(participant, cid)
    same_body([first, participant.act(cid, participant.refused_body)], "the stored refusal again")
    other = participant.act(cid)
    expect(not other.is_done, "no success under an id that was refused", first, other)


@rule
def a_compensation_of_a_refused_action_succeeds_and_keeps_the_refusal(participant: Participant) -> None:
    cid = participant.new_id()
    first = refused(participant, cid)
    undone = done(participant.undo(cid), cid)
    expect(undone.body.get("message"), "a message that there was nothing to undo", undone)
    same_body([first, participant.act(cid, participant.refused_body)], "the stored refusal still")


@rule
def malformed_input_is_400_and_stores_nothing(participant: Participant) -> None:
    cid = participant.new_id()
    sound = {**participant.body, "correlation_id": cid}
    for raw in (b"", b"{", b"[]", b"1", b'"text"', b"\xff\xfe", str(sound).encode()):
        problem(participant.send("POST", participant.action, raw), 400)
    problem(participant.post(participant.action, {"correlation_id": cid}), 400)
    for bad in ("", "a b", "x" * 65, 1, None, ["x"]):
        problem(participant.post(participant.action, {**sound, "correlation_id": bad}), 400)
        if participant.compensation:
            problem(participant.post(participant.compensation, {"correlation_id": bad}), 400)
    first = done(participant.act(cid), cid)
    expect(first.headers.get("Idempotent-Replayed") != "true", "a first answer: nothing was stored", first)


@rule
def another_method_or_media_type_is_refused_as_http_has_it(participant: Participant) -> None:
    for url in participant.urls:
        reply = participant.send("GET", url, b"")
        problem(reply, 405)
        expect("POST" in reply.headers.get("Allow", ""), "Allow: POST", reply)
        problem(participant.send("POST", url, b"a=1", Content_Type="text/plain"), 415)


@rule
def the_correlation_id_comes_back_in_every_answer(participant: Participant) -> None:
    cid, traced = participant.new_id(), "trace-of-conformance"
    if participant.compensation:
        done(participant.undo(cid), cid)
        late = participant.post(participant.action, {**participant.body, "correlation_id": cid})
        expect(late.body.get("correlation_id") == cid, "the correlation id in the problem", late)
    for url in participant.urls:
        reply = participant.post(url, {"correlation_id": cid}, X_Correlation_ID=traced)
        expect(reply.headers.get("X-Correlation-ID") == traced, f"X-Correlation-ID: {traced}", reply)


@rule
def an_action_that_races_its_compensation_is_never_live_afterwards(participant: Participant) -> None:
    for _ in range(participant.races):
        cid = participant.new_id()
        acted, undone = at_once(partial(participant.act, cid), partial(participant.undo, cid))
        done(undone, cid)
        expect(acted.is_done or acted.status == 409, "success or 409", acted)
        problem(participant.act(cid), 409, "ALREADY_COMPENSATED")
