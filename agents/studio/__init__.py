"""The strategies as graphs for LangGraph Studio and its server. `langgraph.json` names one function of this package for
each strategy."""

from redraft.agents.studio import graphs
from redraft.agents.studio.graphs import GraphError, graph

__all__ = ["GraphError", "graph"]

globals().update({name: getattr(graphs, name) for name in graphs.STRATEGIES})
