"""ROS 2 without ROS: what is said to a rosbridge server, and how a person is told in ROS."""
