"""The table of simulated vendors."""

from bff.simulators.azure.simulator import STAND_IN as AZURE
from bff.simulators.openai.simulator import STAND_IN as OPENAI
from bff.simulators.stand_in import StandIn

VENDORS: tuple[StandIn, ...] = (
    AZURE,
    OPENAI,
)
