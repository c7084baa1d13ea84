"""The switches of one running cloud: quotas, durations, and what AWS's documents leave open."""

from typing import Any

from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from embedded_aws.services.awslambda.behaviour import LambdaBehaviour
from embedded_aws.services.awslambda.models import lambda_backend
from embedded_aws.services.cloudformation.behaviour import CloudFormationBehaviour, behaviour_of
from embedded_aws.services.events.behaviour import EventsBehaviour
from embedded_aws.services.events.models import events_backend
from embedded_aws.services.glue.models import GlueBehaviour, glue_backend
from embedded_aws.services.personalize.behaviour import PersonalizeBehaviour
from embedded_aws.services.personalize.models import personalize_backend
from embedded_aws.services.scheduler.models import SchedulerBehaviour, scheduler_backend
from embedded_aws.services.stepfunctions.behaviour import StepFunctionsBehaviour


class Behaviour:
    """How the services of one account and region behave; change a field at any time."""

    def __init__(self, account: str, region: str) -> None:
        self._place = (account, region)

    @property
    def personalize(self) -> PersonalizeBehaviour:
        """Quotas, durations, planned failures, and where Personalize's documents are silent."""
        return personalize_backend(*self._place).behaviour

    @property
    def awslambda(self) -> LambdaBehaviour:
        """How Lambda reports functions that it has ended."""
        return lambda_backend(*self._place).behaviour

    @property
    def cloudformation(self) -> CloudFormationBehaviour:
        """Which wrong properties of a template fail a resource."""
        return behaviour_of(*self._place)

    @property
    def events(self) -> EventsBehaviour:
        """How input templates render values."""
        return events_backend(*self._place).behaviour

    @property
    def glue(self) -> GlueBehaviour:
        """How long job runs take, how they end, and how many of their events get lost."""
        return glue_backend(*self._place).behaviour

    @property
    def scheduler(self) -> SchedulerBehaviour:
        """When a rate schedule without a start date is due first."""
        return scheduler_backend(*self._place).behaviour

    @property
    def stepfunctions(self) -> StepFunctionsBehaviour:
        """What States.ALL catches, and when DescribeExecution finds a new execution."""
        backend: Any = stepfunctions_parser_backends[self._place[0]][self._place[1]]
        behaviour: StepFunctionsBehaviour = backend.behaviour
        return behaviour

    def reset(self) -> None:
        """Set every field back to its default."""
        for behaviour in (
            self.personalize,
            self.awslambda,
            self.cloudformation,
            self.events,
            self.glue,
            self.scheduler,
            self.stepfunctions,
        ):
            vars(behaviour).update(vars(type(behaviour)()))
