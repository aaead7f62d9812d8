-------------------------------- MODULE Saga --------------------------------
(* One saga, its orchestrators and its participants.                         *)
(*                                                                           *)
(* Orchestrators share the saga's row; leases may run out at any moment, so  *)
(* that several act at once. The network keeps each request for ever: it may *)
(* arrive late, often, out of order, or never. Every reply may be lost.      *)
(* `Bug` plants one fault; "" is the protocol as it is.                      *)
EXTENDS Naturals, FiniteSets

CONSTANTS
    Orchestrators,  \* processes that may run the saga
    Last,           \* the steps are 1 .. Last
    Local,          \* steps in the orchestrator's own database
    Pivot,          \* later steps are retriable
    HasUndo,        \* steps with a compensation
    MayRefuse,      \* steps that may say no for good
    Renewed,        \* steps that the other release does not know
    Trouble,        \* how many crashes, lost leases, deploys, cancellations
    Bug

VARIABLES
    row,      \* the saga's row: status, epoch, steps, failed, cancelled
    orc,      \* each orchestrator: what it does, and which call
    mine,     \* each orchestrator: the row as it knows it
    network,  \* every request that was ever sent
    record,   \* each participant's record of its step
    effect,   \* how often each step is in effect
    release,  \* which release runs: "all" knows every step
    trouble   \* what is left of Trouble

vars == <<row, orc, mine, network, record, effect, release, trouble>>

Steps == 1 .. Last
Remote == Steps \ Local
Retriable == {i \in Steps : i > Pivot}
OnlyForward == Retriable \cup (Steps \ HasUndo)

Open == {"RUNNING", "COMPENSATING"}
Statuses == Open \cup {"NONE", "COMPLETED", "COMPENSATED"}
StepStatuses == {"PENDING", "STARTED", "UNKNOWN", "DONE", "REFUSED", "UNDOING", "UNDONE"}
MayHaveHappened == {"STARTED", "UNKNOWN", "DONE", "UNDOING"}
Answers == {"done", "refused", "compensated", "unknown"}

Idle == [does |-> "nothing", step |-> 0, undo |-> FALSE, answer |-> "unknown"]

NoRow == [status |-> "NONE", epoch |-> 0, steps |-> [i \in Steps |-> "PENDING"],
          failed |-> FALSE, cancelled |-> FALSE]

TypeOK ==
    /\ row.status \in Statuses /\ row.epoch \in Nat
    /\ \A i \in Steps : row.steps[i] \in StepStatuses
    /\ row.failed \in BOOLEAN /\ row.cancelled \in BOOLEAN
    /\ \A o \in Orchestrators : orc[o].does \in {"nothing", "decides", "sends", "waits", "records"}
    /\ network \subseteq [step : Remote, undo : BOOLEAN]
    /\ \A i \in Remote : record[i] \in {"NONE", "DONE", "REFUSED", "UNDONE"}
    /\ \A i \in Steps : effect[i] \in Nat
    /\ release \in {"all", "some"}

Init ==
    /\ row = NoRow
    /\ orc = [o \in Orchestrators |-> Idle]
    /\ mine = [o \in Orchestrators |-> NoRow]
    /\ network = {}
    /\ record = [i \in Steps |-> "NONE"]
    /\ effect = [i \in Steps |-> 0]
    /\ release = "all"
    /\ trouble = Trouble

-----------------------------------------------------------------------------
(* Decisions: functions of a row alone.                                      *)

Known(i) == release = "all" \/ i \notin Renewed

Lowest(S) == CHOOSE i \in S : \A j \in S : i <= j
Highest(S) == CHOOSE i \in S : \A j \in S : i >= j

ToDo(saga) ==
    LET open == {i \in Steps : saga.steps[i] # "DONE"}
    IN IF Bug = "the release's table decides" THEN {i \in open : Known(i)} ELSE open

ToUndo(saga) ==
    LET happened == IF Bug = "only what is done is undone" THEN {"DONE", "UNDOING"} ELSE MayHaveHappened
        all == {i \in Steps : saga.steps[i] \in happened}
    IN IF Bug = "the release's table decides" THEN {i \in all : Known(i)} ELSE all

NextUndo(saga) ==
    IF Bug = "undone in the order of doing" THEN Lowest(ToUndo(saga)) ELSE Highest(ToUndo(saga))

CanGoBack(saga) ==
    \/ Bug = "cancelled after the pivot"
    \/ \A i \in ToUndo(saga) : i \in HasUndo

IgnoresStatus == Bug \in {"a write without its status", "a cancellation is no take-over"}
KeepsEpoch == Bug \in {"a cancellation keeps the epoch", "a cancellation is no take-over"}

(* A commit is one UPDATE, of the whole row as its writer knows it. It       *)
(* matches only the epoch and the status that the writer knows.              *)
Matches(o) ==
    /\ mine[o].epoch = row.epoch \/ Bug = "a write without its epoch"
    /\ mine[o].status = row.status \/ IgnoresStatus

Write(o, saga) ==
    /\ Matches(o)
    /\ row' = [saga EXCEPT !.epoch = row.epoch]
    /\ mine' = [mine EXCEPT ![o] = IF row'.status \in Open THEN row' ELSE NoRow]

Set(saga, i, status) == [saga EXCEPT !.steps[i] = status]
Fail(saga, i, status) == [Set(saga, i, status) EXCEPT !.failed = TRUE]

(* With the last step done the saga is COMPLETED, in the same commit.        *)
Done(saga, i) ==
    LET done == Set(saga, i, "DONE")
    IN IF \A j \in Steps : done.steps[j] = "DONE" THEN [done EXCEPT !.status = "COMPLETED"] ELSE done

Becomes(o, what) == orc' = [orc EXCEPT ![o] = what]
Decides == [Idle EXCEPT !.does = "decides"]
GoesOn(o) == Becomes(o, IF row'.status \in Open THEN Decides ELSE Idle)
Sends(o, i, undo) == Becomes(o, [Idle EXCEPT !.does = "sends", !.step = i, !.undo = undo])

TakesOver(o, saga) ==
    /\ row' = saga
    /\ mine' = [mine EXCEPT ![o] = saga]
    /\ Becomes(o, Decides)

Costs(n) == trouble >= n /\ trouble' = trouble - n

-----------------------------------------------------------------------------
(* The saga begins, and is claimed.                                          *)

Start(o) ==
    /\ row.status = "NONE"
    /\ TakesOver(o, [row EXCEPT !.status = "RUNNING", !.epoch = 1])
    /\ UNCHANGED <<network, record, effect, release, trouble>>

IsHeld == \E o \in Orchestrators : mine[o] = row

(* A lease runs out when its owner is gone, and at any other moment.         *)
Claim(o) ==
    /\ row.status \in Open
    /\ orc[o].does = "nothing"
    /\ Costs(IF IsHeld THEN 1 ELSE 0)
    /\ TakesOver(o, IF Bug = "a claim keeps the epoch" THEN row ELSE [row EXCEPT !.epoch = @ + 1])
    /\ UNCHANGED <<network, record, effect, release>>

Forget(o) == Becomes(o, Idle) /\ mine' = [mine EXCEPT ![o] = NoRow]

(* Its write matched no row: it writes and sends nothing more.               *)
Drop(o) ==
    /\ orc[o].does \in {"decides", "records"}
    /\ ~Matches(o)
    /\ Forget(o)
    /\ UNCHANGED <<row, network, record, effect, release, trouble>>

Crash(o) ==
    /\ orc[o].does # "nothing"
    /\ Costs(1)
    /\ Forget(o)
    /\ UNCHANGED <<row, network, record, effect, release>>

-----------------------------------------------------------------------------
(* Going forward.                                                            *)

GoesForward(o) == orc[o].does = "decides" /\ mine[o].status = "RUNNING" /\ ~mine[o].failed

RunLocal(o) ==
    /\ GoesForward(o) /\ ToDo(mine[o]) # {}
    /\ LET i == Lowest(ToDo(mine[o]))
       IN /\ i \in Local /\ Known(i)
          /\ \/ /\ Write(o, Done(mine[o], i))
                /\ effect' = [effect EXCEPT ![i] = 1]
             \/ /\ i \in MayRefuse
                /\ Write(o, Fail(mine[o], i, "REFUSED"))
                /\ UNCHANGED effect
             \/ /\ Write(o, Set(mine[o], i, "UNKNOWN"))
                /\ UNCHANGED effect
    /\ GoesOn(o)
    /\ UNCHANGED <<network, record, release, trouble>>

(* The intent is committed before anything is sent.                          *)
Intend(o) ==
    /\ GoesForward(o) /\ ToDo(mine[o]) # {}
    /\ LET i == Lowest(ToDo(mine[o]))
       IN /\ i \in Remote /\ Known(i)
          /\ ~(Bug = "a retriable step is not repeated" /\ mine[o].steps[i] = "UNKNOWN" /\ i \in OnlyForward)
          /\ Write(o, IF Bug = "sent without an intent" THEN mine[o] ELSE Set(mine[o], i, "STARTED"))
          /\ Sends(o, i, FALSE)
    /\ UNCHANGED <<network, record, effect, release, trouble>>

(* The deadline of an unknown step: what can be undone is given up.          *)
GiveUp(o) ==
    /\ GoesForward(o)
    /\ \E i \in Steps :
          /\ mine[o].steps[i] = "UNKNOWN"
          /\ i \notin OnlyForward \/ Bug = "a retriable step is given up"
    /\ Write(o, [mine[o] EXCEPT !.failed = TRUE])
    /\ GoesOn(o)
    /\ UNCHANGED <<network, record, effect, release, trouble>>

(* Only where unknown steps are skipped: every known step is done.           *)
FinishSkipped(o) ==
    /\ GoesForward(o) /\ ToDo(mine[o]) = {}
    /\ Write(o, [mine[o] EXCEPT !.status = "COMPLETED"])
    /\ GoesOn(o)
    /\ UNCHANGED <<network, record, effect, release, trouble>>

-----------------------------------------------------------------------------
(* Going back.                                                               *)

HasFailed(o) == orc[o].does = "decides" /\ mine[o].status = "RUNNING" /\ mine[o].failed
GoesBack(o) == orc[o].does = "decides" /\ mine[o].status = "COMPENSATING"

(* With nothing to undo the saga ends in the same commit.                    *)
Compensate(o) ==
    /\ HasFailed(o)
    /\ Write(o, [mine[o] EXCEPT !.status =
                    IF ToUndo(mine[o]) = {} THEN "COMPENSATED" ELSE "COMPENSATING"])
    /\ GoesOn(o)
    /\ UNCHANGED <<network, record, effect, release, trouble>>

UndoLocal(o) ==
    /\ GoesBack(o) /\ ToUndo(mine[o]) # {}
    /\ LET i == NextUndo(mine[o])
       IN /\ i \in Local \cap HasUndo /\ Known(i)
          /\ \/ /\ Write(o, Set(mine[o], i, "UNDONE"))
                /\ effect' = [effect EXCEPT ![i] = 0]
             \/ /\ Write(o, Set(mine[o], i, "UNDOING"))
                /\ UNCHANGED effect
    /\ GoesOn(o)
    /\ UNCHANGED <<network, record, release, trouble>>

IntendUndo(o) ==
    /\ GoesBack(o) \/ (Bug = "undone before it is decided" /\ HasFailed(o))
    /\ ToUndo(mine[o]) # {}
    /\ LET i == NextUndo(mine[o])
       IN /\ i \in Remote \cap HasUndo /\ Known(i)
          /\ ~(Bug = "a compensation is not repeated" /\ mine[o].steps[i] = "UNDOING")
          /\ Write(o, IF GoesBack(o) THEN Set(mine[o], i, "UNDOING") ELSE mine[o])
          /\ Sends(o, i, TRUE)
    /\ UNCHANGED <<network, record, effect, release, trouble>>

FinishUndone(o) ==
    /\ GoesBack(o) /\ ToUndo(mine[o]) = {}
    /\ Write(o, [mine[o] EXCEPT !.status = "COMPENSATED"])
    /\ GoesOn(o)
    /\ UNCHANGED <<network, record, effect, release, trouble>>

(* Both cancellations are take-overs: of a running saga, of a complete one.  *)
Cancel(o) ==
    /\ orc[o].does = "nothing"
    /\ row.status \in {"RUNNING", "COMPLETED"} /\ CanGoBack(row)
    /\ Costs(1)
    /\ TakesOver(o, [row EXCEPT !.status = "COMPENSATING", !.cancelled = TRUE,
                                !.epoch = IF KeepsEpoch THEN @ ELSE @ + 1])
    /\ UNCHANGED <<network, record, effect, release>>

-----------------------------------------------------------------------------
(* Calls. A send needs no row: the sender may have lost its saga meanwhile.  *)

Send(o) ==
    /\ orc[o].does = "sends"
    /\ network' = network \cup {[step |-> orc[o].step, undo |-> orc[o].undo]}
    /\ orc' = [orc EXCEPT ![o].does = "waits"]
    /\ UNCHANGED <<row, mine, record, effect, release, trouble>>

TimeOut(o) ==
    /\ orc[o].does = "waits"
    /\ orc' = [orc EXCEPT ![o].does = "records",
                          ![o].answer = IF Bug = "unknown counts as refused" THEN "refused" ELSE "unknown"]
    /\ UNCHANGED <<row, mine, network, record, effect, release, trouble>>

(* What the participant of a step answers, and what it leaves behind.        *)
Perform(i, answer) ==
    CASE record[i] = "NONE" ->
           \/ /\ record' = [record EXCEPT ![i] = "DONE"]
              /\ effect' = [effect EXCEPT ![i] = @ + 1]
              /\ answer = "done"
           \/ /\ i \in MayRefuse
              /\ record' = IF Bug = "a refusal is forgotten" THEN record
                           ELSE [record EXCEPT ![i] = "REFUSED"]
              /\ UNCHANGED effect
              /\ answer = "refused"
      [] record[i] = "DONE" ->
           /\ effect' = IF Bug = "a repeat takes effect again" THEN [effect EXCEPT ![i] = @ + 1] ELSE effect
           /\ UNCHANGED record
           /\ answer = "done"
      [] record[i] = "REFUSED" -> UNCHANGED <<record, effect>> /\ answer = "refused"
      [] record[i] = "UNDONE" ->
           IF Bug = "a late action revives"
           THEN /\ record' = [record EXCEPT ![i] = "DONE"]
                /\ effect' = [effect EXCEPT ![i] = @ + 1]
                /\ answer = "done"
           ELSE /\ UNCHANGED <<record, effect>>
                /\ answer = "compensated"

Reverse(i) ==
    CASE record[i] = "NONE" ->
           /\ record' = IF Bug = "no tombstone" THEN record ELSE [record EXCEPT ![i] = "UNDONE"]
           /\ UNCHANGED effect
      [] record[i] = "DONE" ->
           /\ record' = [record EXCEPT ![i] = "UNDONE"]
           /\ effect' = IF Bug = "an undo without effect" THEN effect ELSE [effect EXCEPT ![i] = @ - 1]
      [] OTHER -> UNCHANGED <<record, effect>>

Arrive(request, answer) ==
    IF request.undo THEN Reverse(request.step) /\ answer = "done" ELSE Perform(request.step, answer)

(* The request arrives; the reply is lost.                                   *)
Lose ==
    /\ \E request \in network, answer \in Answers \ {"unknown"} : Arrive(request, answer)
    /\ UNCHANGED <<row, orc, mine, network, release, trouble>>

(* The request arrives, and its reply reaches who waits for it.              *)
Reply(o) ==
    /\ orc[o].does = "waits"
    /\ \E answer \in Answers \ {"unknown"} :
          /\ Arrive([step |-> orc[o].step, undo |-> orc[o].undo], answer)
          /\ orc' = [orc EXCEPT ![o].does = "records", ![o].answer = answer]
    /\ UNCHANGED <<row, mine, network, release, trouble>>

Recorded(o) ==
    LET i == orc[o].step
        answer == orc[o].answer
    IN IF orc[o].undo
       THEN IF answer = "done" THEN Set(mine[o], i, "UNDONE") ELSE mine[o]
       ELSE CASE answer = "done" -> Done(mine[o], i)
              [] answer = "refused" -> Fail(mine[o], i, "REFUSED")
              [] answer = "compensated" -> Fail(mine[o], i, "UNKNOWN")
              [] OTHER -> Set(mine[o], i, "UNKNOWN")

RecordOutcome(o) ==
    /\ orc[o].does = "records"
    /\ Write(o, Recorded(o))
    /\ GoesOn(o)
    /\ UNCHANGED <<network, record, effect, release, trouble>>

-----------------------------------------------------------------------------
(* A deploy of a release that does not know some steps, and the way back.    *)

Deploy ==
    /\ release = "all" /\ Renewed # {}
    /\ Costs(1)
    /\ release' = "some"
    /\ UNCHANGED <<row, orc, mine, network, record, effect>>

DeployBack ==
    /\ release = "some"
    /\ release' = "all"
    /\ UNCHANGED <<row, orc, mine, network, record, effect, trouble>>

-----------------------------------------------------------------------------

Advance(o) ==
    \/ Start(o) \/ Claim(o) \/ Drop(o)
    \/ RunLocal(o) \/ Intend(o) \/ GiveUp(o) \/ FinishSkipped(o)
    \/ Compensate(o) \/ UndoLocal(o) \/ IntendUndo(o) \/ FinishUndone(o)
    \/ Send(o) \/ RecordOutcome(o)

Next ==
    \/ \E o \in Orchestrators : Advance(o) \/ Crash(o) \/ Cancel(o) \/ TimeOut(o) \/ Reply(o)
    \/ Lose \/ Deploy \/ DeployBack
    \/ (row.status \notin Open \cup {"NONE"} /\ UNCHANGED vars)

(* The world heals: who can act acts, and what is tried for ever succeeds at *)
(* some time.                                                                *)
Fairness ==
    /\ \A o \in Orchestrators :
          /\ WF_vars(Advance(o) /\ trouble' = trouble) /\ WF_vars(TimeOut(o)) /\ SF_vars(Reply(o))
          /\ SF_vars(RunLocal(o) /\ effect' # effect) /\ SF_vars(UndoLocal(o) /\ effect' # effect)
    /\ WF_vars(DeployBack)

Spec == Init /\ [][Next]_vars /\ Fairness

-----------------------------------------------------------------------------
(* Safety.                                                                   *)

OneEffect == \A i \in Steps : effect[i] <= 1

CompletedMeansAll == row.status = "COMPLETED" => \A i \in Steps : effect[i] = 1

CompensatedMeansNone == row.status = "COMPENSATED" => \A i \in Steps : effect[i] = 0

(* No ticket without money, also while the saga goes back.                   *)
PivotMeansAllBefore ==
    (Pivot \in Steps /\ effect[Pivot] = 1) => \A i \in 1 .. Pivot - 1 : effect[i] = 1

(* What is undone before it is decided could not be taken back.              *)
DecidedBeforeUndone ==
    (\E request \in network : request.undo) => row.status \in {"COMPENSATING", "COMPENSATED"}

NothingWithoutIntent ==
    \A request \in network : row.steps[request.step] # "PENDING"

(* Compensations in strict reverse order.                                    *)
Reversed ==
    \A request \in network :
        request.undo => \A j \in Steps : j > request.step => effect[j] = 0

OnlyForwardAfterPivot ==
    (row.status \in {"COMPENSATING", "COMPENSATED"}) => \A i \in Steps \ HasUndo : effect[i] = 0

RefusedIsWithoutEffect ==
    \A i \in Steps : row.steps[i] = "REFUSED" => effect[i] = 0

(* Who may write knows the row as it is.                                     *)
OwnerKnowsTheRow ==
    \A o \in Orchestrators :
        (mine[o].epoch = row.epoch /\ mine[o].status = row.status /\ mine[o].status \in Open) => mine[o] = row

(* How that is avoided.                                                      *)
Discipline == TypeOK /\ OwnerKnowsTheRow /\ DecidedBeforeUndone /\ NothingWithoutIntent

EpochsGrow == [][row'.epoch >= row.epoch]_vars

(* One way out of a terminal status: the cancellation of what is complete.   *)
TerminalIsFinal ==
    [][/\ (row.status = "COMPENSATED" => row' = row)
       /\ (row.status = "COMPLETED" => row' = row \/ (row'.status = "COMPENSATING" /\ row'.cancelled))]_vars

RecordsAreFinal ==
    [][\A i \in Remote : /\ (record[i] \in {"UNDONE", "REFUSED"} => record'[i] = record[i])
                         /\ (record[i] = "DONE" => record'[i] \in {"DONE", "UNDONE"})]_vars

(* Without a cancellation nothing that succeeded up to its pivot goes back.  *)
NoWayBackUnasked ==
    [][(row.steps[Pivot] = "DONE" /\ row'.status = "COMPENSATING" /\ row.status # "COMPENSATING")
        => row'.cancelled]_vars

-----------------------------------------------------------------------------
(* Liveness.                                                                 *)

EverySagaEnds == (row.status \in Open) ~> (row.status \in {"COMPLETED", "COMPENSATED"})
=============================================================================
