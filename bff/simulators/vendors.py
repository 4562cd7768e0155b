"""The table of simulated vendors."""

from bff.simulators.anthropic.simulator import STAND_IN as ANTHROPIC
from bff.simulators.azure.simulator import STAND_IN as AZURE
from bff.simulators.openai.simulator import STAND_IN as OPENAI
from bff.simulators.salesforce.simulator import STAND_IN as SALESFORCE
from bff.simulators.stand_in import StandIn
from bff.simulators.straico.simulator import STAND_IN as STRAICO

VENDORS: tuple[StandIn, ...] = (
    ANTHROPIC,
    AZURE,
    OPENAI,
    SALESFORCE,
    STRAICO,
)
